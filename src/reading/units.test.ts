// Units: conversion into the unit of a metric, and refusal of what measures something else.
import assert from 'node:assert/strict';
import { conversion, unitNames, unitsFor } from './units.ts';

// One of each, in a unit of its kind, with figures of the SI brochure and NIST SP 811.
const ONE: readonly [unit: string, metric: string, value: number][] = [
  ['°C', 'temperature', 1],
  ['°F', 'temperature', -17.2222222222],
  ['K', 'temperature', -272.15],
  ['%', 'humidity', 1],
  ['0…1', 'humidity', 100],
  ['Pa', 'pressure', 0.01],
  ['hPa', 'pressure', 1],
  ['mbar', 'pressure', 1],
  ['kPa', 'pressure', 10],
  ['bar', 'pressure', 1000],
  ['psi', 'pressure', 68.9475729317],
  ['mmHg', 'pressure', 1.33322387415],
  ['inHg', 'pressure', 33.863886403],
  ['mV', 'voltage', 0.001],
  ['V', 'voltage', 1],
  ['kV', 'voltage', 1000],
  ['µA', 'current', 0.000001],
  ['mA', 'current', 0.001],
  ['A', 'current', 1],
  ['mW', 'power', 0.001],
  ['W', 'power', 1],
  ['kW', 'power', 1000],
  ['MW', 'power', 1_000_000],
  ['Wh', 'energy', 0.001],
  ['kWh', 'energy', 1],
  ['MWh', 'energy', 1000],
  ['GWh', 'energy', 1_000_000],
  ['kJ', 'energy', 0.000277777777778],
  ['MJ', 'energy', 0.277777777778],
  ['GJ', 'energy', 277.777777778],
  ['g', 'mass', 0.001],
  ['kg', 'mass', 1],
  ['t', 'mass', 1000],
  ['oz', 'mass', 0.028349523125],
  ['lb', 'mass', 0.45359237],
  ['µm', 'distance', 0.001],
  ['mm', 'distance', 1],
  ['cm', 'distance', 10],
  ['m', 'distance', 1000],
  ['km', 'distance', 1_000_000],
  ['in', 'distance', 25.4],
  ['ft', 'distance', 304.8],
  ['µS/cm', 'conductivity', 1],
  ['mS/cm', 'conductivity', 1000],
  ['ppm', 'co2', 1],
  ['ppb', 'co2', 0.001],
  ['µg/m³', 'pm2_5', 1],
  ['mg/m³', 'pm2_5', 1000],
  ['lx', 'illuminance', 1],
  ['klx', 'illuminance', 1000],
  ['m/s²', 'acceleration_x', 1],
];

describe('units', () => {
  it('converts one of each, and offers it for its metric', () => {
    assert.deepEqual(
      ONE.map(([unit]) => unit),
      unitNames,
    );
    for (const [unit, metric, value] of ONE) {
      assert.equal(conversion(unit, metric)?.(1), value, unit);
      assert.ok(unitsFor(metric).includes(unit), unit);
    }
  });

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
