import { Ajv } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

// Bodies are taken as they are: a "false" that silently becomes true would change a policy. Query and path
// carry only text, so numbers are read from it. Unknown fields are refused, not dropped: a misspelt one would
// otherwise look saved.
const strict = new Ajv({ allErrors: false, coerceTypes: false, useDefaults: true, strict: false })
const textual = new Ajv({ allErrors: false, coerceTypes: true, useDefaults: true, strict: false })

/** Compiles a route's schemas into validators. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? strict : textual).compile(schema)
