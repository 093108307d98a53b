/** The globals of the language; everything else that a global scope has comes from the platform. `eval` is left out. */
export const languageGlobals: readonly string[] = [
  'Object Function Array Number String Boolean Symbol BigInt Date Promise RegExp Math JSON Intl Reflect Proxy Iterator',
  'Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError',
  'Map Set WeakMap WeakSet ArrayBuffer DataView DisposableStack AsyncDisposableStack Temporal',
  'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array',
  'BigInt64Array BigUint64Array Float16Array Float32Array Float64Array',
  'parseFloat parseInt isFinite isNaN decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape',
  'Infinity NaN undefined globalThis global',
].flatMap((line) => line.split(' '));
