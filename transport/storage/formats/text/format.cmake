locum_format(text ENDINGS .txt)
