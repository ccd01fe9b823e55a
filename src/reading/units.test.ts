// Units: conversion into the unit of a metric, and refusal of what measures something else.
import assert from 'node:assert/strict';
import { conversion } from './units.ts';

describe('units', () => {
  const cases: [from: string, metric: string, value: number, expected: number | undefined][] = [
    ['°F', 'temperature', 212, 100],
    ['K', 'temperature', 0, -273.15],
    ['psi', 'pressure', 1, 68.9475729317],
    ['Wh', 'total_energy_kwh', 12450, 12.45],
    ['W', 'power_kw', 3200, 3.2],
    ['kW', 'power', 3.2, 3200],
    ['MJ', 'energy', 3.6, 1],
    ['ft', 'value_mm', 1, 304.8],
    ['mV', 'voltage', 3305, 3.305],
    ['°C', 'temperature', 21.5, 21.5],
    ['mbar', 'pressure', 1013.25, 1013.25],
    ['mmHg', 'pressure', 760, 1013.25014435],
    ['inHg', 'pressure', 29.92, 1013.20748118],
    ['GJ', 'total_energy_kwh', 1, 277.777777778],
    ['\u03bcA', 'current', 250, 0.00025],
    ['t', 'mass', 1.2, 1200],
    ['km', 'distance', 1, 1_000_000],
    ['l/min', 'flow_rate', 7, 7],
    ['kWh', 'temperature', 1, undefined],
    ['parsec', 'distance', 1, undefined],
    ['constructor', 'temperature', 1, undefined],
  ];
  for (const [from, metric, value, expected] of cases)
    it(`${value} ${from} as ${metric}: ${expected}`, () => assert.equal(conversion(from, metric)?.(value), expected));
});
