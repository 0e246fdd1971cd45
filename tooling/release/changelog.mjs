// The lines of every CHANGELOG.md, by which Changesets writes it. A change links to its commit where the repository has an address
// (owner.mjs); Changesets' own writer has no links, and its writer for GitHub asks GitHub, with a token, at every version.
import { ownerOf } from "./owner.mjs";

/** "[1a2b3c4](https://github.com/OWNER/NAME/commit/1a2b…): ", without an address the seven digits alone, "" without a commit. */
function link(commit, address) {
  if (commit === undefined) return "";
  const short = commit.slice(0, 7);
  return address === undefined ? `${short}: ` : `[${short}](${address}/commit/${commit}): `;
}

/** One change as a list item, its further paragraphs below it. */
export async function getReleaseLine({ summary, commit }, _type, { address = ownerOf() } = {}) {
  const [first, ...rest] = summary.split("\n").map((line) => line.trimEnd());
  return [`- ${link(commit, address)}${first}`, ...rest.map((line) => line && `  ${line}`)].join("\n");
}

/** The packages of this repository that a package now asks for in a newer version, in one item however many changes they had. */
export async function getDependencyReleaseLine(_changesets, updated) {
  if (updated.length === 0) return "";
  return `- With ${updated.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`).join(", ")}`;
}
