locum_format(csv NAMES csv tsv ENDINGS .csv .tsv)
