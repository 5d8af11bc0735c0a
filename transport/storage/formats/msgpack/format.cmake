locum_format(msgpack ENDINGS .msgpack .mpk)
