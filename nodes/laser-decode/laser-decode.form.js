// Dialog of laser-decode: a frame decoded at once, with the meter as it is chosen in the form.
FieldlineForm.decodeNow('fieldline-laser-decode', {
  path: 'fieldline/laser-decode/decode',
  last: 'fieldline/laser-decode/last',
  hint: 'a frame as hex, or JSON with hex in it',
});
