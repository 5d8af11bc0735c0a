locum_format(tiff ENDINGS .tif .tiff NEEDS TIFF)
