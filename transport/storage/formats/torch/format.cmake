locum_format(torch ENDINGS .pt .pth NEEDS ZLIB)
