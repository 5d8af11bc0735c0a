!> What the program in Fortran of README.md computes for all types alike. Dimensions are listed in the order of Fortran, the fastest
!> first; indices count from 0 in what is computed, as in README.md.
module numbers
  use, intrinsic :: iso_fortran_env, only: int64
  implicit none
  integer, parameter :: fortran = 2, together = 4, most_rank = 7, first_of_unsigned = 5, last_of_unsigned = 8, number_of_char = 14
  character(len=7), parameter :: names(0:4) = ['C++    ', 'C      ', 'Fortran', 'Python ', 'all    ']
  character(len=8) :: languages = ''
  integer :: failures = 0, arrays = 0, refused = 0
  integer(int64) :: elements = 0

contains

  pure function has(language, number)
    integer, intent(in) :: language, number
    logical :: has
    has = number <= 13
    if (language == fortran) has = has .and. (number < first_of_unsigned .or. number > last_of_unsigned)
    if (language < fortran) has = .true.
  end function

  function name_of(language, number, rank) result(name)
    integer, intent(in) :: language, number, rank
    character(len=20) :: name
    write (name, '(i0,a,i0,a,i0)') language, '/', number, '/', rank
  end function

  function variable_of(what, number) result(name)
    character(len=*), intent(in) :: what
    integer, intent(in) :: number
    character(len=10) :: name
    write (name, '(a,a,i0)') what, '/', number
  end function

  !> The extents of an array that a language has written.
  pure function extents_of(language, rank) result(extents)
    integer, intent(in) :: language, rank
    integer :: extents(rank), j
    integer, parameter :: lengths(0:2) = [2, 3, 5]
    extents = [(lengths(mod(rank - j + language + rank, 3)), j=1, rank)]
  end function

  !> The box of an array with these extents: its first indices, their distances, and how many there are.
  pure subroutine get_box(extents, start, stride, count)
    integer, intent(in) :: extents(:)
    integer, intent(out) :: start(:), stride(:), count(:)
    integer :: j, k
    do j = 1, size(extents)
      k = size(extents) - j
      start(j) = 1 - mod(k, 2)
      stride(j) = 2 + mod(k, 2)
      count(j) = merge(extents(j) / 2, (extents(j) + 2) / 3, mod(k, 2) == 0)
    end do
  end subroutine

  !> The extents of the global array, and the first indices and extents of Fortran's block of it.
  subroutine get_place(number, extents, start, count)
    integer, intent(in) :: number
    integer, intent(out) :: extents(:), start(:), count(:)
    integer, parameter :: lengths(0:3) = [2, 3, 5, 2]
    integer :: cut, at, language
    cut = size(extents) - mod(number, size(extents))
    extents = extents_of(together, size(extents))
    count = extents
    start = 0
    extents(cut) = 0
    do at = 1, len_trim(languages)
      language = ichar(languages(at:at)) - ichar('0')
      if (.not. has(language, number)) cycle
      if (language == fortran) then
        start(cut) = extents(cut)
        count(cut) = lengths(language)
      end if
      extents(cut) = extents(cut) + lengths(language)
    end do
  end subroutine

  !> v of each element, in the order of Fortran.
  pure function numbers_of(language, number, start, stride, count) result(v)
    integer, intent(in) :: language, number, start(:), stride(:), count(:)
    integer :: v(product(count))
    integer, parameter :: weights(0:6) = [3, 5, 7, 11, 19, 23, 29]
    integer :: index(size(count)), at, j, rank
    rank = size(count)
    index = 0
    do at = 1, size(v)
      v(at) = 13 * language + 7 * number + 17 * rank
      do j = 1, rank
        v(at) = v(at) + weights(rank - j) * (start(j) + stride(j) * index(j))
      end do
      v(at) = mod(v(at), 101)
      do j = 1, rank
        index(j) = index(j) + 1
        if (index(j) < count(j)) exit
        index(j) = 0
      end do
    end do
  end function

  !> The same of a whole array.
  pure function all_numbers_of(language, number, extents) result(v)
    integer, intent(in) :: language, number, extents(:)
    integer :: v(product(extents)), zeros(size(extents)), ones(size(extents))
    zeros = 0
    ones = 1
    v = numbers_of(language, number, zeros, ones, extents)
  end function

  subroutine compared(what, language, extents, expected, is_same)
    character(len=*), intent(in) :: what
    integer, intent(in) :: language, extents(:), expected(:)
    logical, intent(in) :: is_same
    logical :: is_right
    arrays = arrays + 1
    elements = elements + product(int(expected, int64))
    is_right = is_same .and. all(extents == expected)
    if (is_right) return
    failures = failures + 1
    if (failures <= 5) print '(a)', 'FAILED: Fortran reads ' // trim(what) // ' of ' // trim(names(language)) // ' otherwise'
  end subroutine
end module
