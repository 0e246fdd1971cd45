/** The versions of the packages in this build. */
declare const DLRT_VERSIONS: Readonly<Record<string, string>>;
/** The commit of the working tree that the page was built from. */
declare const DLRT_COMMIT: string | null;
