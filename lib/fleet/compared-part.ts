import type { PartKind } from './parts';

/** A part in the form by which its node is compared with others. */
export interface ComparedPart {
  readonly kind: PartKind;
  readonly table: string;
  readonly name: string;
  readonly header: string;
  readonly lines: readonly string[];
  /** The lines as they are on the node, where its facts were taken out of `lines`; and the one for each of `lines`. */
  readonly original?: readonly string[];
  readonly texts?: ReadonlyMap<string, string> | undefined;
}
