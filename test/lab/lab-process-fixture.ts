import { runLabProcess } from '#src/lab/lab-process.ts'
import { startFakeTeamsEdge } from './fake-teams-edge.ts'

await runLabProcess(process, startFakeTeamsEdge)
