#pragma once

#include <mpi.h>

#include <utility>

namespace jobs {

/// Owns one MPI object and frees it with `Free`; move-only. One thread at a time may use it, and it must be
/// gone before MPI_Finalize.
template <class Object, int (*Free)(Object*)>
class MpiOwner {
 public:
  /// The object that stands for "none"; also what an owner holds after it was moved from.
  explicit MpiOwner(Object none) : none_(none), object_(none) {}
  MpiOwner(MpiOwner&& other) noexcept : none_(other.none_), object_(std::exchange(other.object_, none_)) {}
  MpiOwner& operator=(MpiOwner&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~MpiOwner() {
    if (object_ != none_) {
      Free(&object_);
    }
  }

  Object get() const { return object_; }
  /// Where an MPI call that creates writes to. REQUIRES: nothing is owned yet.
  Object* out() { return &object_; }

 private:
  Object none_;
  Object object_;
};

struct Communicator : MpiOwner<MPI_Comm, MPI_Comm_free> {
  Communicator() : MpiOwner(MPI_COMM_NULL) {}
};
struct Datatype : MpiOwner<MPI_Datatype, MPI_Type_free> {
  Datatype() : MpiOwner(MPI_DATATYPE_NULL) {}
};
struct PersistentRequest : MpiOwner<MPI_Request, MPI_Request_free> {
  PersistentRequest() : MpiOwner(MPI_REQUEST_NULL) {}
};

}  // namespace jobs
