!> Calls about objects and their names.
submodule (locum) metadata
  use, intrinsic :: iso_c_binding, only: c_int, c_size_t
  use locum_calls, only: fortran_clear, fortran_evict, fortran_exists, fortran_info, fortran_info_get, fortran_info_release, &
    fortran_keys, fortran_names, fortran_names_take, fortran_size, optional_length, take_text
  implicit none

contains

  module procedure store_exists
    logical(c_bool) :: found
    call finish(fortran_exists(self%handle, name, len_trim(name, c_size_t), deadline=deadline, exists=found), stat, errmsg)
    exists = found
  end procedure

  module procedure store_exists_by_key
    logical(c_bool) :: found
    call finish(fortran_exists(self%handle, length=0_c_size_t, key=key, deadline=deadline, exists=found), stat, errmsg)
    exists = found
  end procedure

  module procedure store_evict
    logical(c_bool) :: found
    call finish(fortran_evict(self%handle, name, len_trim(name, c_size_t), deadline=deadline, existed=found), stat, errmsg)
    if (present(existed)) existed = found
  end procedure

  module procedure store_evict_by_key
    logical(c_bool) :: found
    call finish(fortran_evict(self%handle, length=0_c_size_t, key=key, deadline=deadline, existed=found), stat, errmsg)
    if (present(existed)) existed = found
  end procedure

  module procedure store_info
    type(fortran_info) :: found
    integer(c_int) :: status
    status = fortran_info_get(self%handle, name, len_trim(name, c_size_t), deadline=deadline, info=found)
    if (status == locum_ok) call take_info(found, info)
    call finish(status, stat, errmsg)
  end procedure

  module procedure store_info_by_key
    type(fortran_info) :: found
    integer(c_int) :: status
    status = fortran_info_get(self%handle, length=0_c_size_t, key=key, deadline=deadline, info=found)
    if (status == locum_ok) call take_info(found, info)
    call finish(status, stat, errmsg)
  end procedure

  !> Copies metadata of the library, and releases them.
  subroutine take_info(found, info)
    type(fortran_info), intent(inout) :: found
    type(locum_info), intent(out) :: info
    info%key = found%key
    info%size_bytes = found%size_bytes
    info%type = found%type
    call take_text(found%type_name, found%type_name_length, info%type_name)
    info%shape = found%shape(:found%rank)
    info%owner = found%owner
    info%generation = found%generation
    call take_text(found%name, found%name_length, info%name)
    call take_text(found%codec, found%codec_length, info%codec)
    info%expires = found%expires
    call fortran_info_release(found)
  end subroutine

  module procedure store_keys
    type(fortran_names) :: list
    integer(c_size_t) :: longest
    integer(c_int) :: status
    status = fortran_keys(self%handle, prefix, optional_length(prefix), deadline, list, longest)
    if (status == locum_ok) then
      allocate (character(len=longest) :: names(list%count))
      call fortran_names_take(list, longest, names)
    else
      allocate (character(len=0) :: names(0))
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure store_size
    call finish(fortran_size(self%handle, deadline, count), stat, errmsg)
  end procedure

  module procedure store_clear
    integer(int64) :: count
    call finish(fortran_clear(self%handle, deadline, count), stat, errmsg)
    if (present(evicted)) evicted = count
  end procedure

end submodule
