// Dialog of advert-decode: adverts decoded at once, with the keys and the folder as they stand in the form.
FieldlineForm.decodeNow('fieldline-advert-decode', {
  path: 'fieldline/decode',
  last: 'fieldline/advert-decode/last',
  hint: 'an advert as JSON, or its hex, after its address and a blank where that matters',
});
