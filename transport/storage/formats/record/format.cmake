locum_format(record ENDINGS .record)
