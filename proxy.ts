import { type NextRequest, NextResponse } from 'next/server';
import { refusal } from '@/server/http/guards';
import { problemResponse } from '@/server/http/problem-response';
import { requestProblems } from '@/server/http/request-problems';

/**
 * Refuses requests for another host or from pages of another site; routes of the API do so again (server/http/route.ts), for
 * not every request to them comes by here. Gives every page a Content-Security-Policy with a nonce of its own: only scripts that Next itself put into the page run, whatever a
 * capture's comments and names contain. Next reads the nonce out of the request's header.
 */
export function proxy(request: NextRequest): NextResponse {
  const refused = refusal(request.headers);
  const { pathname } = request.nextUrl;
  if (pathname === '/api' || pathname.startsWith('/api/')) {
    if (refused !== undefined) return problem(refused);
    if (!isDecodable(pathname)) return problem(requestProblems.encoding());
    if (!METHODS.includes(request.method)) {
      return problem(requestProblems.method(request.method, METHODS.join(', ')), { allow: METHODS.join(', ') });
    }
    return NextResponse.next();
  }
  if (refused !== undefined) return new NextResponse(`${refused.say}\n${refused.do}\n`, { status: 403 });
  const nonce = btoa(crypto.randomUUID());
  // React's development build evaluates strings for its stack traces.
  const development = process.env.NODE_ENV === 'development' ? " 'unsafe-eval'" : '';
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development}`,
    `style-src-elem 'self' 'nonce-${nonce}'`,
    // Server-rendered style attributes: positions in figures and virtual lists.
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  headers.set('Content-Security-Policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}

/** Those that a route file can export; for any other Next answers by itself. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const problem = (...args: Parameters<typeof problemResponse>): NextResponse => {
  const { body, status, headers } = problemResponse(...args);
  return new NextResponse(body, { status, headers });
};

/** Next fails on a segment that is not UTF-8 before a route sees it. */
function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

export const config = {
  matcher: [
    // The body of a request that comes by here is kept in memory, up to 10 MB of it: uploads go straight to their route.
    { source: '/((?!api/sources/?$|_next/static|_next/image|icon.svg|samples/).*)' },
    {
      source: '/api/sources',
      missing: [
        { type: 'header', key: 'content-length' },
        { type: 'header', key: 'transfer-encoding' },
      ],
    },
  ],
};
