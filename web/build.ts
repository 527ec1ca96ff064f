// Bundles the setup page into web/dist: one script, one stylesheet, both with a hash of their content in the name.
import { build } from 'esbuild'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const here = import.meta.dirname

/** Builds the page into `outDir`, replacing what was there only once the new one is complete. */
export async function buildWeb(outDir: string): Promise<void> {
  const fresh = `${outDir}.new-${process.pid}`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  const result = await build({
    entryPoints: [join(here, 'src/main.tsx')],
    outdir: fresh,
    entryNames: 'page.[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome109', 'firefox115', 'safari16'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'warning',
    tsconfig: join(here, 'tsconfig.json'),
  })
  const files = Object.keys(result.metafile.outputs).map((file) => basename(file))
  const script = files.find((file) => file.endsWith('.js'))
  const style = files.find((file) => file.endsWith('.css'))
  if (!script || !style) throw new Error(`the bundle is not complete: ${readdirSync(fresh).join(', ')}`)
  writeFileSync(join(fresh, 'index.html'), entryPage(script, style))
  writeFileSync(join(fresh, 'icon.svg'), icon)
  rmSync(outDir, { recursive: true, force: true })
  renameSync(fresh, outDir)
}

function entryPage(script: string, style: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Branchline</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/${style}">
<script type="module" src="/${script}"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. Everything on it can also be done through the API: /api/openapi.json</noscript>
</body>
</html>
`
}

// A line that branches: the box between one uplink and many phones.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0f5f63"/>
<path d="M6 16h7c4 0 3-7 8-7h5M13 16h13M13 16c4 0 3 7 8 7h5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/>
</svg>
`

if (import.meta.main) await buildWeb(join(here, 'dist'))
