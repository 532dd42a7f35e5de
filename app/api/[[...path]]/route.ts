import { problemResponse } from '@/server/http/problem-response';
import { requestProblems } from '@/server/http/request-problems';
import { route } from '@/server/http/route';

export const dynamic = 'force-dynamic';

const nothing = async () => problemResponse(requestProblems.noRoute());

/** Every address under /api that is no route: Next would answer with a page. */
export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = route({ otherwise: nothing });
