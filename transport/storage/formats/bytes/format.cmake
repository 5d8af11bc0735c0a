locum_format(bytes ENDINGS .bin)
