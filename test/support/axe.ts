import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { root } from '#test/house/source-files.ts'

const source = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** What axe found, short enough for a test's output. */
export interface Finding {
  rule: string
  impact: string
  where: string[]
  help: string
}

/** Runs axe-core over what the page shows now; returns what is serious or critical. The page's CSP is not loosened. */
export async function seriousFindings(page: Page): Promise<Finding[]> {
  // Evaluated by the debugger, so that the page's own rule against foreign scripts stays in force.
  await page.evaluate(`${source};undefined`)
  return page.evaluate(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, impact, help, nodes }) => ({
        rule: id, impact, help,
        where: nodes.slice(0, 5).map((node) => node.target.join(' ') + '  ' + node.failureSummary.split('\\n').slice(1, 2).join('').trim()),
      })))
  `)
}
