/**
 * A graph that cannot be: a wrong type, a missing rule, a value used before it is made. It is a programmer's mistake, so
 * it is a TypeError, and it is thrown where the graph is built, long before it runs.
 */
export class GraphError extends TypeError {
  override name = 'GraphError';
}
