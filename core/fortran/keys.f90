!> Keys of objects.
submodule (locum) keys
  implicit none

contains

  module procedure key_equals
    equal = one%store == other%store .and. one%creator == other%creator .and. one%serial == other%serial
  end procedure

  module procedure key_differs
    differ = .not. key_equals(one, other)
  end procedure

end submodule
