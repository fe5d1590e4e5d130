#pragma once
/// @file
/// Result: a value, or the error of a call that was refused. The API uses it instead of exceptions and errno.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "synfin/check.hh"

namespace synfin {

/// Why a call was refused. describe() gives the sentence that the command prints.
enum class Error : uint8_t {
    none = 0,
    gone,           ///< the connection that the handle names has ended
    invalid,        ///< an argument is outside what the call accepts
    not_supported,  ///< valid, but not available in this build
    no_memory,      ///< a pool (records, packets, send blocks) is empty; counted
    no_port,        ///< every ephemeral port towards that destination is in use; counted
    in_use,         ///< the address, port or tuple is taken
    would_block,    ///< nothing to return now; an event announces it
    closing,        ///< the sending side has been closed already (RFC 9293 3.10.2 "connection closing")
    not_connected,  ///< the call needs a synchronised connection
    no_route,       ///< the destination is neither on link nor behind a gateway
    no_device,      ///< no such interface or device
    no_permission,  ///< the operating system refused
    device_failed,  ///< the device refused its configuration
};

/// The error as a sentence for people. Never empty.
const char* describe(Error error) noexcept;

/// A value, or an error. Test it before use: value() aborts the process if there is none.
/// @tparam E Error on the data path; Refusal, which also has a sentence, elsewhere
template <typename T, typename E = Error>
class [[nodiscard]] Result {
  public:
    Result(T value) noexcept : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(E error) noexcept : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

    explicit operator bool() const noexcept { return value_.has_value(); }
    /// A default-constructed E when there is a value.
    const E& error() const noexcept { return error_; }
    T& value() & noexcept {
        SYNFIN_CHECK(value_.has_value());
        return *value_;
    }
    const T& value() const& noexcept {
        SYNFIN_CHECK(value_.has_value());
        return *value_;
    }
    T&& value() && noexcept {
        SYNFIN_CHECK(value_.has_value());
        return std::move(*value_);
    }
    T& operator*() & noexcept { return value(); }
    const T& operator*() const& noexcept { return value(); }
    T&& operator*() && noexcept { return std::move(*this).value(); }
    T* operator->() noexcept { return &value(); }
    const T* operator->() const noexcept { return &value(); }

  private:
    std::optional<T> value_;
    E error_{};
};

/// Success without a value, or an error.
template <typename E>
class [[nodiscard]] Result<void, E> {
  public:
    Result() noexcept = default;
    Result(E error) noexcept : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
    explicit operator bool() const noexcept { return !error_.has_value(); }
    E error() const { return error_.value_or(E{}); }

  private:
    std::optional<E> error_;
};

/// The Result with an Error. Trivially copyable when T is.
template <typename T>
class [[nodiscard]] Result<T, Error> {
  public:
    Result(T value) noexcept : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(Error error) noexcept : error_(error) { SYNFIN_CHECK(error != Error::none); }  // NOLINT

    explicit operator bool() const noexcept { return error_ == Error::none; }
    Error error() const noexcept { return error_; }
    const T& value() const noexcept {
        SYNFIN_CHECK(error_ == Error::none);
        return value_;
    }
    T& value() noexcept {
        SYNFIN_CHECK(error_ == Error::none);
        return value_;
    }
    const T& operator*() const noexcept { return value(); }
    T& operator*() noexcept { return value(); }
    const T* operator->() const noexcept { return &value(); }
    T* operator->() noexcept { return &value(); }
    T value_or(T other) const noexcept { return *this ? value_ : other; }

  private:
    T value_{};
    Error error_ = Error::none;
};

template <>
class [[nodiscard]] Result<void, Error> {
  public:
    Result() noexcept = default;
    Result(Error error) noexcept : error_(error) {}  // NOLINT(google-explicit-constructor)
    explicit operator bool() const noexcept { return error_ == Error::none; }
    Error error() const noexcept { return error_; }

  private:
    Error error_ = Error::none;
};

}  // namespace synfin
