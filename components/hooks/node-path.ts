/** A node of a source, as part of every request about it. */
export interface NodeRef {
  readonly source: string;
  readonly node: string;
}

export const nodePath = ({ source, node }: NodeRef): string =>
  `/api/sources/${encodeURIComponent(source)}/nodes/${encodeURIComponent(node)}`;

/** A node as it was read once: answers for a version never change, so the browser may keep them. */
export interface VersionRef extends NodeRef {
  readonly version: string;
}
