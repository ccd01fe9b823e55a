// Topic filters: validity and matching, case by case from the MQTT 5 specification §4.7.
import assert from 'node:assert/strict';
import { filterFault, topicMatches } from './topic.ts';

describe('kernel: topic filters', () => {
  const matching: [filter: string, topic: string, matches: boolean][] = [
    ['sport/tennis/player1', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'a/b/c', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+/#', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/broker', false],
    ['+/monitor', '$SYS/monitor', false],
    ['$SYS/#', '$SYS/broker', true],
    ['a/b', 'a/b/c', false],
    ['a/b/c', 'a/b', false],
    ['A/b', 'a/b', false],
  ];
  for (const [filter, topic, matches] of matching)
    it(`${filter} ${matches ? 'matches' : 'does not match'} ${topic}`, () =>
      assert.equal(topicMatches(filter, topic), matches));

  for (const filter of ['a', 'a/b', '+', '#', 'a/+/b', 'a/#', '/', '+/+/#', '$SYS/#'])
    it(`${filter} is a filter`, () => assert.equal(filterFault(filter), undefined));
  for (const filter of ['', 'a/#/b', 'a#', 'a/b+', '+a/b', 'a\0b', '##'])
    it(`${JSON.stringify(filter)} is none`, () => assert.ok(filterFault(filter)));
});
