/** The outcome of reading something from outside: the value, or where and why it could not be read. Never thrown. */

/** `path` says where in the document, `[3].addr_info[0].local` or `line 7`; empty for the whole of it. */
export interface DecodeError {
  readonly path: string;
  readonly message: string;
}

export type Result<T, E = DecodeError> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const failed = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });

/** One line for people: `route4.json [3].gateway: expected an IPv4 address, got "x"`. */
export function formatDecodeError(error: DecodeError, document?: string): string {
  const where = [document, error.path].filter((part) => part !== undefined && part !== '').join(' ');
  return where === '' ? error.message : `${where}: ${error.message}`;
}
