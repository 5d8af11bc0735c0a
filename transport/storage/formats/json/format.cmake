locum_format(json ENDINGS .json)
