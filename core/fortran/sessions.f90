!> Sessions, and stores as handles.
submodule (locum) sessions
  use, intrinsic :: iso_c_binding, only: c_size_t
  use locum_calls, only: fortran_close, fortran_collection, fortran_open, fortran_session_close, fortran_session_open, &
    fortran_session_store
  implicit none

contains

  module procedure session_open
    call finish(fortran_session_open(url, len_trim(url, c_size_t), timeout, threads, self%handle), stat, errmsg)
  end procedure

  module procedure session_store
    call finish(fortran_session_store(self%handle, name, len_trim(name, c_size_t), store%handle), stat, errmsg)
  end procedure

  module procedure session_close
    call finish(fortran_session_close(self%handle), stat, errmsg)
  end procedure

  module procedure store_open
    call finish(fortran_open(url, len_trim(url, c_size_t), timeout, threads, self%handle), stat, errmsg)
  end procedure

  module procedure store_collection
    call finish(fortran_collection(self%handle, name, len_trim(name, c_size_t), collection%handle), stat, errmsg)
  end procedure

  module procedure store_close
    call finish(fortran_close(self%handle), stat, errmsg)
  end procedure

end submodule
