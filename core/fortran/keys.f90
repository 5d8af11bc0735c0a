!> Keys of objects, and handles of stand-ins.
submodule (locum) keys
  implicit none

contains

  module procedure key_equals
    equal = one%store == other%store .and. one%creator == other%creator .and. one%serial == other%serial
  end procedure

  module procedure key_differs
    differ = .not. key_equals(one, other)
  end procedure

  module procedure handle_equals
    equal = all(one%words == other%words)
  end procedure

  module procedure handle_differs
    differ = .not. handle_equals(one, other)
  end procedure

end submodule
