module gets
  use, intrinsic :: iso_c_binding
  use locum
  implicit none
  private

contains

  !> See gets.h. The first call makes the names those of Fortran, which are of fixed length.
  subroutine gets_in_fortran(store, names, length, count, from, times) bind(c)
    type(c_ptr), value :: store
    integer(c_int32_t), value :: length, count, from, times
    type(c_ptr), intent(in) :: names(count)
    character(len=32), allocatable, save :: kept(:)
    character(kind=c_char), pointer :: text(:)
    type(locum_store) :: ours
    type(locum_view) :: view
    real(c_double), pointer :: p(:)
    integer :: at, letter
    if (.not. allocated(kept)) then
      allocate (kept(count))
      kept = ''
      do at = 1, count
        call c_f_pointer(names(at), text, [length])
        do letter = 1, length
          kept(at)(letter:letter) = text(letter)
        end do
      end do
    end if
    ours%handle = store
    do at = from, from + times - 1
      call ours%get(kept(1 + mod(at, count)), p, view)
      call view%release()
    end do
  end subroutine
end module
