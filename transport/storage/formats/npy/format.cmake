locum_format(npy ENDINGS .npy)
