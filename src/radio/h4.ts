// H4: cuts a byte stream into HCI packets, type byte first (Bluetooth Core 5.4, Vol 4 Part A §2).

export const PACKET = { command: 0x01, acl: 0x02, sco: 0x03, event: 0x04, iso: 0x05 } as const;

/** Length of the header and where its payload's length stands; undefined for a byte that begins no packet. */
const headers: Readonly<Record<number, { header: number; payload: (packet: Buffer) => number }>> = {
  [PACKET.command]: { header: 4, payload: packet => packet.readUInt8(3) },
  [PACKET.acl]: { header: 5, payload: packet => packet.readUInt16LE(3) },
  [PACKET.sco]: { header: 4, payload: packet => packet.readUInt8(3) },
  [PACKET.event]: { header: 3, payload: packet => packet.readUInt8(2) },
  [PACKET.iso]: { header: 5, payload: packet => packet.readUInt16LE(3) & 0x3fff },
};

/**
 * Feed it what arrives; it calls back with each whole packet, a copy of its own. False: the framing is lost (a byte that
 * begins no packet), and only a new connection finds it again.
 */
export function h4Reader(onPacket: (packet: Buffer) => void): (bytes: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return bytes => {
    let data = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (data.length > 0) {
      const form = headers[data.readUInt8(0)];
      if (form === undefined) return false;
      if (data.length < form.header) break;
      const length = form.header + form.payload(data);
      if (data.length < length) break;
      onPacket(Buffer.from(data.subarray(0, length)));
      data = data.subarray(length);
    }
    rest = Buffer.from(data);
    return true;
  };
}
