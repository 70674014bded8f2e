import path from 'node:path';
import type pg from 'pg';

/** `prisma/snapshot.sql`. */
export const SNAPSHOT_FILE = path.resolve(import.meta.dirname, '../../prisma/snapshot.sql');

const HEADER = `-- The schema that the migrations make, as PostgreSQL 15 to 18 describe it: for reading and comparing, not for running.
-- \`npm run snapshot:write\` writes this file, and a test compares it with a migrated database. The bodies of the functions
-- are in prisma/functions.
`;

/** The grants of every role except the owner, whose rights differ between versions. `acl` is the access list, `on` the object. */
const grants = (acl: string, owner: string, on: string) => `(
  SELECT string_agg(line, '' ORDER BY line COLLATE "C") FROM (
    SELECT format(E'GRANT %s ON %s TO %s%s;\\n', string_agg(given.privilege_type, ', ' ORDER BY given.privilege_type COLLATE "C"), ${on},
      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END,
      CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' END) AS line
    FROM aclexplode(${acl}) AS given WHERE given.grantee <> ${owner} GROUP BY given.grantee, given.is_grantable
  ) AS lines)`;

const HERE = `current_schema()::regnamespace`;

const TYPES = `
  SELECT CASE t.typtype
    WHEN 'c' THEN format(E'CREATE TYPE %I AS (\\n%s\\n);\\n', t.typname, (
      SELECT string_agg(format('    %I %s', a.attname, format_type(a.atttypid, a.atttypmod)), E',\\n' ORDER BY a.attnum)
      FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    WHEN 'e' THEN format(E'CREATE TYPE %I AS ENUM (%s);\\n', t.typname, (
      SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid))
    ELSE format(E'CREATE TYPE %I; -- of kind %s\\n', t.typname, t.typtype) END AS text,
    ${grants(`coalesce(t.typacl, acldefault('T', t.typowner))`, 't.typowner', `'TYPE ' || quote_ident(t.typname)`)} AS grants
  FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
  WHERE t.typnamespace = ${HERE} AND t.typelem = 0 AND (t.typrelid = 0 OR c.relkind = 'c')
  ORDER BY t.typname COLLATE "C"`;

const SEQUENCES = `
  SELECT format(E'CREATE SEQUENCE %I AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s OWNED BY %s;\\n',
      c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
      CASE WHEN s.seqcycle THEN ' CYCLE' END, coalesce((
        SELECT format('%I.%I', d.refobjid::regclass, a.attname)
        FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')), 'NONE')) AS text,
    ${grants('c.relacl', 'c.relowner', `'SEQUENCE ' || quote_ident(c.relname)`)} AS grants
  FROM pg_class AS c JOIN pg_sequence AS s ON s.seqrelid = c.oid
  WHERE c.relnamespace = ${HERE} ORDER BY c.relname COLLATE "C"`;

/** NOT NULL comes from the column, because it is a constraint only since version 18. */
const TABLES = `
  SELECT concat(
    format(E'CREATE %s %I (\\n%s\\n)%s;\\n',
      CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' ELSE 'RELATION' END, c.relname,
      concat_ws(E',\\n', (
        SELECT string_agg(concat('    ', quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod),
          CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text END,
          CASE WHEN a.attnotnull THEN ' NOT NULL' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
          CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN ' GENERATED' END), E',\\n' ORDER BY a.attnum)
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), (
        SELECT string_agg(format('    CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid, true)), E',\\n'
          ORDER BY k.conname COLLATE "C")
        FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x'))),
      ' WITH (' || array_to_string(c.reloptions, ', ') || ')'),
    (SELECT string_agg(pg_get_indexdef(i.indexrelid, 0, true) || E';\\n', '' ORDER BY i.indexrelid::regclass::text COLLATE "C")
     FROM pg_index AS i WHERE i.indrelid = c.oid),
    (SELECT string_agg(format(E'%s;\\nALTER TABLE %I %s TRIGGER %I;\\n', pg_get_triggerdef(g.oid, true), c.relname,
       CASE g.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END,
       g.tgname), '' ORDER BY g.tgname COLLATE "C")
     FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),
    CASE WHEN c.relrowsecurity THEN format(E'ALTER TABLE %I ENABLE ROW LEVEL SECURITY;\\n', c.relname) END) AS text,
    concat(${grants('c.relacl', 'c.relowner', 'quote_ident(c.relname)')}, (
      SELECT string_agg(${grants('a.attacl', 'c.relowner', `format('%I (%I)', c.relname, a.attname)`)}, '' ORDER BY a.attnum)
      FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)) AS grants
  FROM pg_class AS c WHERE c.relnamespace = ${HERE} AND c.relkind NOT IN ('i', 'I', 'S', 'c', 't')
  ORDER BY c.relname COLLATE "C"`;

const FUNCTIONS = `
  SELECT concat('CREATE FUNCTION ', quote_ident(p.proname), '(', pg_get_function_arguments(p.oid), ')',
    E'\\n    RETURNS ' || pg_get_function_result(p.oid), E'\\n    LANGUAGE ', l.lanname,
    CASE p.provolatile WHEN 'i' THEN ' IMMUTABLE' WHEN 's' THEN ' STABLE' ELSE ' VOLATILE' END,
    CASE WHEN p.proisstrict THEN ' STRICT' END, CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' END,
    CASE WHEN p.proleakproof THEN ' LEAKPROOF' END,
    CASE p.proparallel WHEN 's' THEN ' PARALLEL SAFE' WHEN 'r' THEN ' PARALLEL RESTRICTED' ELSE ' PARALLEL UNSAFE' END,
    ' SET ' || array_to_string(p.proconfig, ' SET '), E';\\n') AS text,
    ${grants(`coalesce(p.proacl, acldefault('f', p.proowner))`, 'p.proowner', `'FUNCTION ' || quote_ident(p.proname)`)} AS grants
  FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
  WHERE p.pronamespace = ${HERE}
  ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`;

/**
 * Describes the tables, indexes, triggers, sequences, types, functions and rights of the current schema, in the order of
 * their names, with facts that PostgreSQL 15 to 18 have in common.
 */
export async function describeSchema(client: pg.Client): Promise<string> {
  const parts = [HEADER];
  for (const query of [TYPES, SEQUENCES, TABLES, FUNCTIONS]) {
    const { rows } = await client.query<{ text: string; grants: string | null }>(query);
    parts.push(...rows.map(({ text, grants }) => text + (grants ?? '')));
  }
  return parts.join('\n');
}
