use parlour_protocol::time::SECOND;

use super::*;

fn network(number: u32) -> AddressKey {
    AddressKey::of(std::net::Ipv4Addr::from(0x0A00_0000 + number).into())
}

#[test]
fn the_delay_doubles_and_ends() {
    let throttle = LoginThrottle::new(&Clock::manual(0), 1000, &Broker::Local);
    let attempt = Attempt::log_in("ada", network(1));
    let mut now = Timestamp(0);
    for _ in 0..FREE {
        throttle.take_here(&attempt, now).unwrap();
    }
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        assert_eq!(throttle.take_here(&attempt, now), Err(seconds * 1000));
        // The delay also applies to other networks: it protects the account.
        assert!(throttle.take_here(&Attempt::log_in("ada", network(2)), now).is_err());
        // Except to devices and sessions that are known.
        throttle.take_here(&Attempt::known(UserId(1), &[2]), now).unwrap();
        throttle.take_here(&Attempt::session(UserId(1), SessionId(2)), now).unwrap();
        throttle.0.tables.lock().unwrap().accounts.retain(|account, _| *account == attempt.account);
        now.0 += seconds as i64 * SECOND;
        throttle.take_here(&attempt, now).unwrap();
    }
    now.0 += FORGET * MILLISECOND;
    throttle.take_here(&attempt, now).unwrap();
    throttle.take_here(&attempt, now).unwrap();
}

#[test]
fn one_network_and_all_together_have_limits_and_newcomers_are_let_in() {
    let throttle = LoginThrottle::new(&Clock::manual(0), 5, &Broker::Local);
    let now = Timestamp(0);
    let mut names = 0;
    let mut try_from = |network, now| {
        names += 1;
        throttle.take_here(&Attempt::log_in(&format!("person{names}"), network), now)
    };
    assert!((0..5).all(|_| try_from(network(1), now).is_ok()));
    assert_eq!(try_from(network(1), now), Err(60_000));
    for number in 2..=20 {
        assert!((0..5).all(|_| try_from(network(number), now).is_ok()));
    }
    // The whole server has reached its limit, which does not apply to networks with few attempts.
    assert!((0..FAIR).all(|_| try_from(network(21), now).is_ok()));
    assert_eq!(try_from(network(21), now), Err(60_000));
    assert!(try_from(network(21), Timestamp(SPAN * MILLISECOND)).is_ok());
}

#[test]
fn a_site_of_many_networks_is_one_after_a_while() {
    let throttle = LoginThrottle::new(&Clock::manual(0), 5, &Broker::Local);
    let try_from = |number: u128| {
        let address = std::net::Ipv6Addr::from((0x2001_0db8_0001_u128 << 80) + (number << 64));
        let attempt = Attempt::log_in(&format!("person{number}"), AddressKey::of(address.into()));
        throttle.take_here(&attempt, Timestamp(0))
    };
    assert!((0..40).all(|number| try_from(number).is_ok()));
    assert_eq!(try_from(41), Err(60_000));
}

#[test]
fn what_was_not_looked_at_does_not_count() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let throttle = LoginThrottle::new(&Clock::manual(0), 5, &Broker::Local);
        let attempt = Attempt::log_in("ada", network(1));
        for _ in 0..100 {
            drop(throttle.take(attempt.clone()).await.unwrap());
        }
        for _ in 0..4 {
            throttle.take(attempt.clone()).await.unwrap().wrong();
        }
        // The right attempt is given back and clears the account; the network has one more.
        throttle.take(attempt.clone()).await.unwrap().right().await;
        throttle.take(attempt.clone()).await.unwrap().wrong();
        assert!(throttle.take(attempt.clone()).await.is_err());
    });
}

#[test]
fn nobody_is_forgiven_because_others_are_made_up() {
    let throttle = LoginThrottle::new(&Clock::manual(0), 1_000_000, &Broker::Local);
    let attempt = Attempt::log_in("ada", network(0));
    for _ in 0..FREE {
        throttle.take_here(&attempt, Timestamp(0)).unwrap();
    }
    for number in 1..=MOST as u32 + 10 {
        throttle.take_here(&Attempt::log_in(&number.to_string(), network(number)), Timestamp(0)).unwrap();
    }
    assert!(throttle.take_here(&attempt, Timestamp(0)).is_err());
    assert!(throttle.0.tables.lock().unwrap().accounts.len() <= MOST);
}
