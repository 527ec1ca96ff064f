import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The project's folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

export interface SourceFile {
  /** Relative to the project, with forward slashes: src/base/clock.ts. */
  path: string
  text: string
  /** Our own files it imports, relative to the project; type-only imports too. */
  imports: string[]
  /** Packages it imports. */
  packages: string[]
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : walk(path)
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

function read(path: string): SourceFile {
  const text = readFileSync(path, 'utf8')
  const imports: string[] = []
  const packages: string[] = []
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    if (fileName.startsWith('.')) imports.push(relative(root, resolve(dirname(path), fileName)))
    else if (fileName.startsWith('#src/')) imports.push(`src/${fileName.slice(5)}`)
    else if (fileName.startsWith('#test/')) imports.push(`test/${fileName.slice(6)}`)
    else packages.push(fileName)
  }
  return { path: relative(root, path), text, imports, packages }
}

/** Every TypeScript file below a folder of the project. */
export function sourceFiles(folder: string): SourceFile[] {
  return walk(join(root, folder)).map(read)
}
