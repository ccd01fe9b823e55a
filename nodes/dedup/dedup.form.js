// Dialog of dedup: the key is asked for only where it decides.
FieldlineForm.panel('fieldline-dedup', form => {
  const keyRow = () => form.show('key', form.value('by') === 'key');
  $(form.input('by')).on('change', keyRow);
  keyRow();
});
