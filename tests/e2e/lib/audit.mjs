// audit.mjs - the audit's chain, computed apart from the C code: docs/SPEC-custody.md, "Audit".
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

// The whole chain, by the rows' hashes; of the rows that this account sees, also their text.
export async function verifyAudit(operator) {
  let head = Buffer.alloc(32);
  let seq = 0;
  for (;;) {
    const page = (await operator.ask('GET', `/v1/audit?after=${seq}&limit=1000`)).json;
    for (const row of page.rows) {
      assert.equal(row.seq, seq + 1);
      if (row.mine) {
        const fields = [row.seq, row.at_ms, row.account, row.device ?? '', row.action, row.by ?? '', row.detail];
        assert.equal(sha256(fields.join('\n')).toString('hex'), row.row, JSON.stringify(row));
      }
      head = sha256('cyan-audit-v1', head, Buffer.from(row.row, 'hex'));
      seq = row.seq;
    }
    if (seq === page.head_seq) {
      assert.equal(head.toString('hex'), page.head);
      return;
    }
  }
}
