/** Versions of the packages in this build. */
declare const DLRT_VERSIONS: Readonly<Record<string, string>>;
/** Of the working tree the page was built from. */
declare const DLRT_COMMIT: string | null;
