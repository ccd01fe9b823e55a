// How iNode devices tell their battery: steps of 10 %, in the upper half of a byte or word.

/** 2 to 11 are steps of 10 %; 1 and those above say that it is full; 0 says nothing. */
export function batteryOf(step: number): { battery: number } | Record<string, never> {
  if (step === 0) return {};
  return { battery: step >= 2 && step <= 11 ? (step - 1) * 10 : 100 };
}
