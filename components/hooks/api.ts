/**
 * The only door to the server: a GET or a POST that gives JSON, and problem details (RFC 9457) where it fails.
 */

/** A failed request as the server explained it; `status` 0 where no answer came. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string | undefined;
  readonly code: string | undefined;
  /** All members of the problem document, for the views that know more of a certain code. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, members: Readonly<Record<string, unknown>>) {
    const title = typeof members.title === 'string' ? members.title : `The server answered ${status}`;
    super(title);
    this.name = 'ApiProblem';
    this.status = status;
    this.title = title;
    this.detail = typeof members.detail === 'string' ? members.detail : undefined;
    this.code = typeof members.code === 'string' ? members.code : undefined;
    this.members = members;
  }
}

export type Query = { readonly [key: string]: string | number | boolean | null | undefined };

/** Path and query; what is null, undefined or empty is left out. */
function apiUrl(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const body: unknown = await response.json().catch(() => ({}));
  throw new ApiProblem(response.status, isRecord(body) ? body : {});
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && !Array.isArray(x);

const unreachableServer = (cause: unknown): never => {
  if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
  throw new ApiProblem(0, {
    title: 'nftscope does not answer',
    detail: 'The server may have been stopped. Start it again, then try again.',
  });
};

export async function getJson<T>(path: string, query: Query, signal: AbortSignal): Promise<T> {
  const response = await fetch(apiUrl(path, query), { signal, headers: { accept: 'application/json' } }).catch(
    unreachableServer,
  );
  return answer<T>(response);
}

/** An answer that comes bit by bit, a line of JSON each; a line with a problem ends it. */
export async function getLines<T>(
  path: string,
  query: Query,
  onLine: (line: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(apiUrl(path, query), { signal }).catch(unreachableServer);
  if (!response.ok || response.body === null) return answer<never>(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read().catch(unreachableServer);
    if (done) return;
    const lines = `${text}${value}`.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const told: unknown = JSON.parse(line);
      if (isRecord(told) && isRecord(told.problem)) {
        const { code, say, do: detail } = told.problem;
        throw new ApiProblem(response.status, { title: say, detail, code });
      }
      onLine(told as T);
    }
  }
}

export async function getText(path: string, query: Query): Promise<string> {
  const response = await fetch(apiUrl(path, query)).catch(unreachableServer);
  return response.ok ? response.text() : answer<never>(response);
}

/** Sends the bytes of one file as they are. */
export async function postFile<T>(path: string, query: Query, file: File, signal: AbortSignal): Promise<T> {
  const response = await fetch(apiUrl(path, query), {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/octet-stream' },
    body: file,
    signal,
  }).catch(unreachableServer);
  return answer<T>(response);
}

/** A question with a body, such as a packet. */
export async function postJson<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  }).catch(unreachableServer);
  return answer<T>(response);
}
