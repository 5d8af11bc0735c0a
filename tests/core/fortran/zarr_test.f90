!> Arrays of Zarr: what a program in Fortran makes, writes and reads.
program zarr_test
  use, intrinsic :: iso_c_binding, only: c_bool
  use, intrinsic :: iso_fortran_env, only: int8, int32, int64, real32, real64
  use check
  use locum
  implicit none
  type(locum_files) :: files

  call files%open('memory:')
  call layouts()
  call order_of_dimensions()
  call boxes()
  call parts_of_files()
  call steps()
  call ahead()
  call attributes()
  call one_element()
  call mistakes()
  call files%close()
  call finish_checks(141)

contains

  subroutine layouts()
    type(locum_zarr) :: T, again
    type(locum_zarr_info) :: info
    character(len=:), allocatable :: names(:)
    real(real32) :: part(3, 2)
    integer :: stat
    call T%create(files, 'a/T.zarr  ', locum_f32, [6, 10], chunks=[3, 2], shards=[6, 4], codecs='crc32c ', fill=-1.5_real32, &
      dimensions=['x   ', 'long'], attributes='{"unit": "K"}')
    call again%open(files, 'a/T.zarr')
    call again%info(info)
    call is_true(info%type == locum_f32 .and. info%version == 3, 'type and version')
    call is_true(all(info%shape == [6, 10]), 'shape')
    call is_true(all(info%chunks == [3, 2]) .and. all(info%files == [6, 4]), 'chunks and shards')
    call again%dimensions(names)
    call is_true(size(names) == 2 .and. len(names) == 4, 'as many names as dimensions')
    call is_true(names(1) == 'x' .and. names(2) == 'long', 'names of dimensions')
    call again%read(part, start=[4, 9])
    call is_true(all(part == -1.5_real32), 'the fill value')
    call again%read(part, start=[4, 9], strict=.true., stat=stat)
    call has_status(stat, locum_not_found, 'what was never written')
    call T%create(files, 'b.zarr', locum_f64, [1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'a variable that is in use')
    call again%close()
    call again%create(files, 'a/T.zarr', locum_f32, [6, 10], stat=stat)
    call has_status(stat, locum_key_exists, 'an array that exists')
    call again%create(files, 'old.zarr', locum_i16, [7_int64, 5_int64], version=2, codecs='')
    call again%info(info)
    call is_true(info%version == 2 .and. all(info%chunks == [7, 5]), 'version 2, chunks that were chosen')
    call again%dimensions(names)
    call is_true(size(names) == 0, 'no names of dimensions')
    call again%resize([3, 4])
    call again%info(info)
    call is_true(all(info%shape == [3, 4]), 'resized')
    call again%close()
    call T%close()
  end subroutine

  !> T(nx, ny) is of the shape {ny, nx} in the metadata, and names and chunks go with their dimensions.
  subroutine order_of_dimensions()
    type(locum_zarr) :: T
    character(len=:), pointer :: json
    integer(int8), pointer :: bytes(:)
    integer(int32) :: field(4, 2)
    type(locum_view) :: view
    integer :: x, y
    field = reshape([((10 * y + x, x=1, 4), y=1, 2)], [4, 2])
    call T%create(files, 'order.zarr', locum_i32, shape(field), chunks=[4, 1], codecs='', dimensions=['x', 'y'])
    call T%write(field)
    call T%close()
    call files%load('order.zarr/zarr.json', json, view, format='text')
    call is_true(index(without_blanks(json), '"shape":[2,4]') > 0, 'the shape in the file is (ny, nx): ' // json)
    call is_true(index(without_blanks(json), '"chunk_shape":[1,4]') > 0, 'chunks are in its order')
    call is_true(index(without_blanks(json), '"dimension_names":["y","x"]') > 0, 'so are the names')
    call view%release()
    call files%load('order.zarr/c/1/0', bytes, view, format='bytes', options='type=i8')
    call is_true(size(bytes) == 16, 'a chunk has the elements of one y')
    call is_true(all(bytes(1::4) == [21, 22, 23, 24]), 'and x is the fastest dimension')
    call view%release()
  end subroutine

  function without_blanks(text) result(packed)
    character(len=*), intent(in) :: text
    character(len=len(text)) :: packed
    integer :: at, length
    packed = ''
    length = 0
    do at = 1, len(text)
      if (text(at:at) == ' ' .or. text(at:at) == new_line('a')) cycle
      length = length + 1
      packed(length:length) = text(at:at)
    end do
  end function

  subroutine boxes()
    type(locum_zarr) :: T
    real(real64) :: field(5, 3, 2), plane(5, 1, 2), frame(4, 4), odd(3, 2), single(2)
    real(real64), allocatable :: none(:, :, :)
    real(real32) :: other(5, 3, 2)
    character(len=300) :: text
    integer :: x, y, z, stat
    field = reshape([(((100 * z + 10 * y + x, x=1, 5), y=1, 3), z=1, 2)], shape(field)) * 1.0_real64
    call T%create(files, 'box.zarr', locum_f64, shape(field), chunks=[2, 2, 1], codecs='')
    call T%write(field)
    call T%read(plane, start=[1, 2, 1])
    call is_true(all(plane == field(:, 2:2, :)), 'a plane')
    frame = 0
    call T%read(frame(2:3, 2:3), start=[2, 1, 2], count=[2, 2], stat=stat)
    call has_status(stat, locum_invalid_argument, 'a box of another number of dimensions')
    call T%close()
    call T%create(files, 'flat.zarr', locum_f64, [5, 3], chunks=[2, 2], codecs='')
    call T%write(field(:, :, 2))
    call T%read(frame(2:3, 2:3), start=[2, 1], stride=[3, 2])
    call is_true(all(frame(2:3, 2:3) == field(2:5:3, 1:3:2, 2)), 'a box with a stride, into a section')
    call is_true(count(frame == 0) == 12, 'nothing beside the section')
    call T%read(odd, start=[1_int64, 2_int64], count=[3_int64, 2_int64], stride=[2_int64, 1_int64])
    call is_true(all(odd == field(1:5:2, 2:3, 2)), 'integers of 8 bytes')
    call T%read(odd(1:0, :), start=[6, 1])

    call T%read(frame, stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'an array of another shape')
    call is_true(index(text, 'the box has the extents 5 x 3, the array given has 4 x 4') > 0, text)
    call T%read(frame, start=[2, 1], stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'a box that ends beyond the array')
    call is_true(index(text, 'a box of 4 x 4 elements from (2, 1) on has elements outside of the array') > 0, text)
    call is_true(index(text, 'whose extents are 5 x 3') > 0, text)
    call T%read(odd, start=[0, 1], stat=stat)
    call is_true(index(locum_error_message(), 'start(1) is 0; the least is 1') > 0, 'a start of 0')
    call T%read(single, stat=stat)
    call has_status(stat, locum_invalid_argument, 'an array of another rank')
    call T%read(other(:, :, 1), stat=stat)
    call has_status(stat, locum_type_mismatch, 'an array of another type')
    call T%read(none, stat=stat)
    call has_status(stat, locum_invalid_argument, 'an array that is not allocated')
    call T%write(field(:, :, 1), start=[2, 1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'elements outside of the array')
    call T%close()
  end subroutine

  subroutine parts_of_files()
    type(locum_zarr) :: T
    integer(int32) :: all(6, 4), back(6, 4)
    character(len=400) :: text
    integer :: x, y, stat
    all = reshape([((10 * y + x, x=1, 6), y=1, 4)], [6, 4])
    call T%create(files, 'parts.zarr', locum_i32, [6, 4], chunks=[3, 2], codecs='')
    call T%write(all(4:6, 3:4), start=[4, 3])
    call T%read(back)
    call is_true(count(back == 0) == 18 .and. sum(back) == sum(all(4:6, 3:4)), 'one chunk')
    call T%write(all(2:4, 1:2), start=[2, 1], stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'files that are covered in part')
    call is_true(index(text, '3 x 2 elements from (2, 1) on cover a file in part; begin and end at multiples of 3 x 2') > 0, text)
    call T%write(all(2:4, 1:1), start=[2, 1], partial=.true., deadline=60.0_real64)
    call T%read(back)
    call is_true(count(back == 0) == 15 .and. back(2, 1) == 12 .and. back(4, 1) == 14 .and. back(6, 4) == 46, 'parts of chunks')
    call T%close()
  end subroutine

  !> The last dimension grows.
  subroutine steps()
    type(locum_zarr) :: T
    type(locum_zarr_info) :: info
    real(real64) :: field(4, 3), back(4, 3, 5), one(4, 3, 1)
    character(len=400) :: text
    integer :: step, stat
    call T%create(files, 'steps.zarr', locum_f64, [4, 3, 0], chunks=[4, 3, 2], codecs='')
    do step = 1, 5
      field = step
      call T%append(reshape(field, [4, 3, 1]))
    end do
    call T%info(info)
    call is_true(all(info%shape == [4, 3, 5]), 'the last dimension has grown')
    call T%read(back)
    do step = 1, 5
      call is_true(all(back(:, :, step) == step), 'a step')
    end do
    call T%read(one, start=[1, 1, 4], strict=.true.)
    call is_true(all(one == 4), 'one step')
    call T%append(back(:, 1:2, :), stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'steps of another shape')
    call is_true(index(text, '4 x 2 x 5 cannot follow those of an array of 4 x 3 x 5') > 0, text)
    call T%close()
  end subroutine

  !> What another variable writes between the prefetch and the read is seen by a read that nothing was read ahead for.
  subroutine ahead()
    type(locum_zarr) :: T, other
    real(real64) :: now(6, 2), line(3, 1), before
    integer :: round, stat, start_count, end_count, rate
    logical :: was_ahead
    now = 0
    call T%create(files, 'ahead.zarr', locum_f64, [6, 2], chunks=[6, 1], codecs='')
    call other%open(files, 'ahead.zarr')
    was_ahead = .false.
    round = 0
    call system_clock(start_count, rate)
    end_count = start_count
    do while (.not. was_ahead .and. end_count - start_count < 60 * rate)
      round = round + 1
      before = now(2, 2)
      call T%prefetch(start=[2, 2], count=[3, 1])
      now = round
      call other%write(now)
      call T%read(line, start=[2, 2])
      if (.not. (all(line == round) .or. all(line == before))) exit
      was_ahead = line(1, 1) == before
      call T%read(line, start=[2, 2])
      if (.not. all(line == round)) exit
      call system_clock(end_count)
    end do
    call is_true(was_ahead, 'what was read ahead')
    call T%prefetch()
    call T%prefetch(start=[6, 1], count=[2, 1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'no box of the array')
    call T%prefetch(start=[1, 1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'a start without a count')
    call is_true(index(locum_error_message(), "'count'") > 0, 'it says what is missing')
    call T%prefetch(start=[1], count=[1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'another number of dimensions')
    call other%close()
    call T%close()
  end subroutine

  subroutine attributes()
    type(locum_zarr) :: T
    character(len=5) :: unit
    character(len=1) :: short
    character(len=4) :: axes(2)
    character(len=200) :: text
    real(real64) :: dt
    real(real32) :: half
    integer :: steps, stat
    logical(c_bool) :: is
    call T%create(files, 'attributes.zarr', locum_f64, [4], codecs='', &
      attributes='{"unit": "K", "solver": {"steps": 40, "dt": 0.1}, "axes": ["x", "time"], "half": 0.5, "is": true}')
    call T%get_attribute('unit ', unit)
    call is_true(unit == 'K', 'a text')
    call T%get_attribute('solver/steps', steps)
    call T%get_attribute('solver/dt', dt)
    call is_true(steps == 40 .and. dt == 0.1_real64, 'numbers of members')
    call T%get_attribute('half', half)
    call T%get_attribute('is', is)
    call is_true(half == 0.5 .and. is, 'a number that is exact, and a truth value')
    call T%get_attribute('axes', axes)
    call is_true(axes(1) == 'x' .and. axes(2) == 'time', 'texts')
    call T%get_attribute('axes', short, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a list is no text')
    call T%get_attribute('dt', dt, stat=stat, errmsg=text)
    call has_status(stat, locum_not_found, 'no such attribute')
    call is_true(index(text, 'unit') > 0, 'the text names those that there are: ' // text)
    call T%get_attribute('solver/dt', half, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a number that is not exact')
    call T%set_attributes('{"unit": "metre"}  ')
    call T%close()
    call T%open(files, 'attributes.zarr')
    call T%get_attribute('unit', unit)
    call is_true(unit == 'metre', 'replaced')
    call T%get_attribute('unit', short, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a text that would be cut')
    call T%set_attributes('{"unit": ', stat=stat, errmsg=text)
    call has_status(stat, locum_corrupt, 'no JSON')
    call is_true(index(text, 'attributes') > 0, text)
    call T%set_attributes('[1, 2]', stat=stat)
    call is_true(stat /= locum_ok, 'no members')
    call T%get_attribute('unit', unit)
    call is_true(unit == 'metre', 'it is as it was')
    call T%close()
  end subroutine

  subroutine one_element()
    type(locum_zarr) :: T
    type(locum_zarr_info) :: info
    integer(int64) :: number
    call T%create(files, 'one.zarr', locum_i64, [integer ::], codecs='', fill=7_int64)
    call T%info(info)
    call is_true(size(info%shape) == 0, 'no dimensions')
    call T%read(number)
    call is_true(number == 7, 'its fill value')
    call T%write(-3_int64)
    call T%read(number)
    call is_true(number == -3, 'one element')
    call T%close()
  end subroutine

  subroutine mistakes()
    type(locum_zarr) :: T
    type(locum_zarr_info) :: info
    type(locum_files) :: never
    character(len=:), allocatable :: names(:)
    character(len=300) :: text
    real(real64) :: one(1) = 1
    integer :: stat
    call T%open(files, 'none.zarr', stat=stat)
    call has_status(stat, locum_not_found, 'no such array')
    call T%open(never, 'T.zarr', stat=stat)
    call has_status(stat, locum_invalid_argument, 'files that were never opened')
    call T%open(files, 'T' // char(0), stat=stat)
    call has_status(stat, locum_invalid_argument, 'a path with char(0)')
    call T%open(files, 'T.zarr', backend='none', stat=stat)
    call has_status(stat, locum_not_found, 'no such backend')
    call T%create(files, 'T.zarr', 0, [4], stat=stat)
    call has_status(stat, locum_invalid_argument, 'no type')
    call T%create(files, 'T.zarr', locum_f64, [4, -1], stat=stat)
    call is_true(index(locum_error_message(), 'shape(2) is -1; the least is 0') > 0, 'a negative extent')
    call T%create(files, 'T.zarr', locum_f64, [4, 6], chunks=[2], stat=stat)
    call is_true(index(locum_error_message(), "'chunks' has one integer for each dimension: 2, not 1") > 0, 'too few chunks')
    call T%create(files, 'T.zarr', locum_f64, [4, 6], chunks=[0, 1], stat=stat)
    call is_true(index(locum_error_message(), 'chunks(1) is 0; the least is 1') > 0, 'a chunk without elements')
    call T%create(files, 'T.zarr', locum_f64, [4, 6], chunks=[2, 3], shards=[4, 4], stat=stat, errmsg=text)
    call has_status(stat, locum_invalid_argument, 'shards that are no multiples')
    call is_true(index(text, 'a shard, 4 x 4, are not multiples of those of a chunk, 2 x 3') > 0, text)
    call T%create(files, 'T.zarr', locum_f64, [1, 1, 1, 1, 1, 1, 1, 1, 1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'too many dimensions')
    call T%create(files, 'T.zarr', locum_f64, [1.5, 2.5], stat=stat)
    call has_status(stat, locum_invalid_argument, 'a shape of reals')
    call T%create(files, 'T.zarr', locum_f64, [4], fill=1, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a fill value of another type')
    call T%create(files, 'T.zarr', locum_f64, [4], fill=[1.0_real64], stat=stat)
    call has_status(stat, locum_type_mismatch, 'a fill value that is an array')
    call T%create(files, 'T.zarr', locum_f64, [4], dimensions=['x', 'y'], stat=stat)
    call has_status(stat, locum_invalid_argument, 'too many names')
    call T%create(files, 'T.zarr', locum_f64, [4], version=4, stat=stat)
    call has_status(stat, locum_invalid_argument, 'no such version')
    call T%create(files, 'T.zarr', locum_f64, [4], codecs='papyrus', stat=stat)
    call is_true(stat /= locum_ok, 'no such codec')
    call T%create(files, 'T.zarr', locum_f64, [4], attributes='{', stat=stat)
    call has_status(stat, locum_corrupt, 'attributes that are no JSON')
    call T%open(files, 'T.zarr', stat=stat)
    call has_status(stat, locum_not_found, 'nothing was made')

    call T%read(one, stat=stat)
    call has_status(stat, locum_invalid_argument, 'read of an array that is not open')
    call T%write(one, stat=stat)
    call has_status(stat, locum_invalid_argument, 'write to an array that is not open')
    call T%append(one, stat=stat)
    call has_status(stat, locum_invalid_argument, 'append to an array that is not open')
    call T%prefetch(stat=stat)
    call has_status(stat, locum_invalid_argument, 'prefetch of an array that is not open')
    call T%resize([1], stat=stat)
    call has_status(stat, locum_invalid_argument, 'resize of an array that is not open')
    call T%info(info, stat=stat)
    call has_status(stat, locum_invalid_argument, 'info of an array that is not open')
    call is_true(.not. allocated(info%shape), 'it has nothing')
    call T%dimensions(names, stat=stat)
    call has_status(stat, locum_invalid_argument, 'dimensions of an array that is not open')
    call T%get_attribute('x', one, stat=stat)
    call has_status(stat, locum_invalid_argument, 'attributes of an array that is not open')
    call T%set_attributes('{}', stat=stat)
    call has_status(stat, locum_invalid_argument, 'new attributes of an array that is not open')
    call T%close(stat)
    call has_status(stat, locum_invalid_argument, 'close of an array that is not open')
  end subroutine
end program
