/** The four ways into a peering: who connected, and who has the smaller id (spec/broker-protocol.md 3.4). */

/** The lines of a whole handshake, for a script that is the connector or the listener. */
export function peeringSteps(
  who: 'connector' | 'listener',
  id: string,
  ownFilter: string,
  subjectFilter: string,
): readonly string[] {
  const scriptIsOriginator = id.startsWith('low')
  const introduction =
    who === 'connector'
      ? ['> probe', `< hello ${id}`, ...(scriptIsOriginator ? ['> hello self'] : [])]
      : ['> hello self', '< probe', ...(scriptIsOriginator ? [] : [`< hello ${id}`])]
  return scriptIsOriginator
    ? [
        ...introduction,
        `< version-select ${id}`,
        `< originator-syn ${ownFilter}`,
        `> responder-syn-ack ${subjectFilter}`,
        '< originator-ack',
      ]
    : [
        ...introduction,
        '> version-select self',
        `> originator-syn ${subjectFilter}`,
        `< responder-syn-ack ${ownFilter}`,
        '> originator-ack',
      ]
}
