    module function update_text(self, name, text, update, key, deadline, stat, errmsg) result(again)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: name
      character(len=:), pointer, intent(inout) :: text
      type(locum_update), intent(inout) :: update
      type(locum_key), intent(inout), optional :: key
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: again
    end function
    module subroutine update_release(self, stat, errmsg)
      class(locum_update), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine update_assign(left, right)
      class(locum_update), intent(inout) :: left
      class(locum_update), intent(in) :: right
    end subroutine
    module impure elemental subroutine update_finalise(self)
      type(locum_update), intent(inout) :: self
    end subroutine
