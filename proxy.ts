import { type NextRequest, NextResponse } from 'next/server';
import { refusal } from '@/server/http/guards';

/**
 * Refuses requests for another host or from pages of another site; the API does so itself (server/http/route.ts). Gives every
 * page a Content-Security-Policy with a nonce of its own: only scripts that Next itself put into the page run, whatever a
 * capture's comments and names contain. Next reads the nonce out of the request's header.
 */
export function proxy(request: NextRequest): NextResponse {
  const refused = refusal(request.headers);
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

export const config = {
  matcher: [{ source: '/((?!api/|_next/static|_next/image|icon.svg|samples/).*)' }],
};
