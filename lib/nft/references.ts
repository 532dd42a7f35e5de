/** What a statement, an expression or an element refers to by name, in the table it stands in. */
import type { NftSet, Rule, SetElement, Statement } from './model';

export interface Reference {
  readonly kind: 'chain' | 'set' | 'object' | 'flowtable';
  readonly name: string;
  /** How: `jump`, `goto`, `vmap`, `map`, `match`, `add`, `update`, `delete`, `counter`, `flow add`, … */
  readonly verb: string;
}

/** References of a rule in the order of its statements, those inside anonymous sets and maps included. */
export const ruleReferences = (rule: Rule): readonly Reference[] => rule.statements.flatMap(statementReferences);

export function statementReferences(statement: Statement): readonly Reference[] {
  const found: Reference[] = [];
  visit(statement, statement.kind === 'vmap' ? 'vmap' : 'match', found);
  return found;
}

/** References of one element: the chain its verdict leads to, objects it names, what its statements use. */
export function elementReferences(element: SetElement, set: NftSet): readonly Reference[] {
  const found: Reference[] = [];
  if (set.data?.kind === 'object' && typeof element.data === 'string') {
    found.push({ kind: 'object', name: element.data, verb: 'map' });
  }
  visit(element.data, 'map', found);
  for (const statement of element.statements ?? []) visit(statement, 'map', found);
  return found;
}

/**
 * Walks members and collects by kind. Generic on purpose: a new statement that holds expressions needs nothing here. What
 * came as unknown JSON is not looked into.
 */
function visit(value: unknown, verb: string, found: Reference[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) visit(item, verb, found);
    return;
  }
  const node = value as { readonly kind?: unknown; readonly [member: string]: unknown };
  const name = (member: string): string | undefined => (typeof node[member] === 'string' ? node[member] : undefined);
  const put = (kind: Reference['kind'], target: string | undefined, how: string) => {
    if (target !== undefined) found.push({ kind, name: target, verb: how });
  };
  let inner = verb;
  switch (node.kind) {
    case 'unsupported':
      return;
    case 'jump':
    case 'goto':
      put('chain', name('target'), node.kind);
      return;
    case 'setref':
      put('set', name('name'), verb);
      return;
    case 'setUpdate':
      put('set', name('set'), name('op') ?? 'add');
      break;
    case 'mapUpdate':
      put('set', name('map'), name('op') ?? 'add');
      break;
    case 'meter':
      put('set', name('name'), 'meter');
      break;
    case 'flow':
      put('flowtable', name('flowtable'), `flow ${name('op') ?? 'add'}`);
      break;
    case 'object':
      put('object', name('name'), name('object') ?? 'object');
      break;
    case 'map':
    case 'vmap':
      inner = node.kind;
      break;
    default:
      break;
  }
  for (const member of Object.values(node)) visit(member, inner, found);
}
