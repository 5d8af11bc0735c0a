!> Streams of steps: calls that do not depend on a type; and text.
submodule (locum) streams
  use, intrinsic :: iso_c_binding, only: c_int, c_size_t
  use locum_calls, only: fortran_ranks_release, fortran_step_begin, fortran_step_discard, fortran_step_end, &
    fortran_step_get_text, fortran_step_next, fortran_step_number, fortran_step_reader_close, fortran_step_reader_open, &
    fortran_step_release, fortran_step_shape, fortran_step_variables, &
    fortran_step_writer_abandon, fortran_step_writer_close, fortran_step_writer_open, &
    optional_length, point_to_text
  implicit none

contains

  module procedure ranks_release
    call finish(fortran_ranks_release(self%handle), stat, errmsg)
  end procedure

  module procedure step_writer_open
    call finish(fortran_step_writer_open(ranks%handle, stream, len_trim(stream, c_size_t), queue_steps, queue_bytes, when_full, &
      readers, file, optional_length(file), self%handle), stat, errmsg)
  end procedure

  module procedure step_writer_begin
    call finish(fortran_step_begin(self%handle, deadline, step%handle), stat, errmsg)
  end procedure

  module procedure step_writer_close
    call finish(fortran_step_writer_close(self%handle, deadline), stat, errmsg)
  end procedure

  module procedure step_writer_abandon
    call finish(fortran_step_writer_abandon(self%handle), stat, errmsg)
  end procedure

  module procedure output_step_end
    call finish(fortran_step_end(self%handle, deadline), stat, errmsg)
  end procedure

  module procedure output_step_discard
    call finish(fortran_step_discard(self%handle), stat, errmsg)
  end procedure

  module procedure step_reader_open
    call finish(fortran_step_reader_open(ranks%handle, stream, len_trim(stream, c_size_t), start_at, ahead, group, &
      optional_length(group), file, optional_length(file), first_step, every, self%handle), stat, errmsg)
  end procedure

  module procedure step_reader_next
    call finish(fortran_step_next(self%handle, .false._c_bool, deadline, step%handle), stat, errmsg)
  end procedure

  module procedure step_reader_latest
    call finish(fortran_step_next(self%handle, .true._c_bool, deadline, step%handle), stat, errmsg)
  end procedure

  module procedure step_reader_close
    call finish(fortran_step_reader_close(self%handle), stat, errmsg)
  end procedure

  module procedure input_step_number
    call finish(fortran_step_number(self%handle, number), stat, errmsg)
  end procedure

  module procedure input_step_variables
    integer(c_int64_t) :: count
    integer(c_size_t) :: longest
    integer(c_int) :: status
    status = fortran_step_variables(self%handle, count, longest)
    allocate (character(len=longest) :: names(count))
    if (status == locum_ok .and. count > 0) status = fortran_step_variables(self%handle, count, longest, names)
    call finish(status, stat, errmsg)
  end procedure

  module procedure input_step_shape
    integer(c_int) :: rank
    integer(c_int64_t) :: all_extents(8)
    call finish(fortran_step_shape(self%handle, name, len_trim(name, c_size_t), rank, all_extents), stat, errmsg)
    extents = all_extents(1:rank)
  end procedure

  module procedure step_get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_step_get_text(self%handle, name, len_trim(name, c_size_t), writer, deadline, first, length, &
      view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure input_step_release
    call finish(fortran_step_release(self%handle), stat, errmsg)
  end procedure

end submodule
