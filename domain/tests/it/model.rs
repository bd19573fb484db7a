//! Every life that a checkout and its refunds can have, explored one by one, with the real rules of `domain` and a PSP
//! that is worse than the real one.

mod checkout;
mod explore;
mod payout;
mod refund;
