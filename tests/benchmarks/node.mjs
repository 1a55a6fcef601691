// Verify with fast-jwt and jose: {algs: {alg: {key, tokens}}} on standard input,
// {alg: {library: median in µs}} on standard output. Interleaved, as in Python.
import { readFileSync } from 'node:fs'
import { createPublicKey, createSecretKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'

const { issuer, audience, rounds, algs } = JSON.parse(readFileSync(0, 'utf8'))
const found = {}
for (const [alg, { key, tokens }] of Object.entries(algs)) {
  const rules = { key, algorithms: [alg], allowedIss: issuer, allowedAud: audience }
  const cold = createVerifier(rules)
  const hot = createVerifier({ ...rules, cache: 4096 })
  const object = alg.startsWith('HS') ? createSecretKey(Buffer.from(key)) : createPublicKey(key)
  const options = { algorithms: [alg], issuer, audience }
  const contestants = {
    'fast-jwt': (token) => cold(token),
    'fast-jwt, cached': (token) => hot(token),
    jose: (token) => jwtVerify(token, object, options),
  }
  const times = {}
  for (const name of Object.keys(contestants)) times[name] = []
  for (let round = 0; round < rounds + 3; round++) {
    for (const [name, verify] of Object.entries(contestants)) {
      const start = process.hrtime.bigint()
      for (const token of tokens) await verify(token)
      const micros = Number(process.hrtime.bigint() - start) / 1000 / tokens.length
      if (round >= 3) times[name].push(micros)
    }
  }
  found[alg] = {}
  for (const [name, values] of Object.entries(times)) {
    values.sort((a, b) => a - b)
    found[alg][name] = values[values.length >> 1]
  }
}
process.stdout.write(JSON.stringify(found))
