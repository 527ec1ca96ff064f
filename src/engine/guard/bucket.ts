/** How full a bucket is, and when that was true (monotonic ms). */
export interface Bucket {
  level: number
  atMs: number
}

/** An empty one. */
export function emptyBucket(nowMs: number): Bucket {
  return { level: 0, atMs: nowMs }
}

/** Pours `weight` into a bucket that leaks `leakPerMs`, in place. Returns the level now. */
export function pour(bucket: Bucket, weight: number, leakPerMs: number, nowMs: number): number {
  const left = bucket.level - (nowMs - bucket.atMs) * leakPerMs
  bucket.level = (left > 0 ? left : 0) + weight
  bucket.atMs = nowMs
  return bucket.level
}
