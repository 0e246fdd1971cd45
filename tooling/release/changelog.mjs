// Makes the lines from which Changesets writes every CHANGELOG.md. A change links to its commit where the repository has an address
// (owner.mjs). Changesets' own writer makes no links, and its writer for GitHub asks GitHub, with a token, at every version.
import { ownerOf } from "./owner.mjs";

/** Returns "[1a2b3c4](https://github.com/OWNER/NAME/commit/1a2b…): ", without an address "1a2b3c4: ", and without a commit "". */
function link(commit, address) {
  if (commit === undefined) return "";
  const short = commit.slice(0, 7);
  return address === undefined ? `${short}: ` : `[${short}](${address}/commit/${commit}): `;
}

/** Returns a change as a list item, with its further paragraphs below it. */
export async function getReleaseLine({ summary, commit }, _type, { address = ownerOf() } = {}) {
  const [first, ...rest] = summary.split("\n").map((line) => line.trimEnd());
  return [`- ${link(commit, address)}${first}`, ...rest.map((line) => line && `  ${line}`)].join("\n");
}

/** Returns a list item with the packages of this repository that a package now needs in a newer version, however many changes they had. */
export async function getDependencyReleaseLine(_changesets, updated) {
  if (updated.length === 0) return "";
  return `- With ${updated.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`).join(", ")}`;
}
