package api

import (
	"database/sql"
	"errors"
	"math"
	"net/http"
)

// Customer is a row of the CRM. MonthlyVolume is in euros; the database keeps whole cents.
type Customer struct {
	Number         string  `json:"number"`
	Name           string  `json:"name"`
	RegisterNumber string  `json:"register_number"`
	Country        string  `json:"country"`
	Email          string  `json:"email"`
	Signatory      string  `json:"signatory"`
	MonthlyVolume  float64 `json:"monthly_volume"`
	Status         string  `json:"status"` // prospect or active
	Verdict        string  `json:"verdict"`
	Risk           string  `json:"risk"`
	Reason         string  `json:"reason"`
}

const customerColumns = `number, name, register_number, country, email, signatory, monthly_cents / 100.0, status, verdict, risk, reason`

type scanner interface{ Scan(into ...any) error }

func (c *Customer) scan(row scanner) error {
	return row.Scan(&c.Number, &c.Name, &c.RegisterNumber, &c.Country, &c.Email, &c.Signatory, &c.MonthlyVolume, &c.Status, &c.Verdict, &c.Risk, &c.Reason)
}

func listCustomers(tx *sql.Tx, _ *http.Request, _ []byte) (answer, error) {
	rows, err := tx.Query(`select ` + customerColumns + ` from customers order by id`)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close()
	all := []Customer{}
	for rows.Next() {
		var c Customer
		if err := c.scan(rows); err != nil {
			return answer{}, err
		}
		all = append(all, c)
	}
	return answerOf(http.StatusOK, map[string]any{"customers": all}), rows.Err()
}

func addCustomer(tx *sql.Tx, _ *http.Request, body []byte) (answer, error) {
	var c Customer
	if err := decode(body, &c); err != nil {
		return answer{}, err
	}
	if c.Name == "" || c.RegisterNumber == "" || c.Email == "" || c.MonthlyVolume < 0 {
		return answer{}, refuse(http.StatusUnprocessableEntity, "a customer needs a name, a register_number and an email, and no negative volume")
	}
	var number string
	err := tx.QueryRow(`select number from customers where register_number = ?`, c.RegisterNumber).Scan(&number)
	if err == nil {
		return answer{}, refuse(http.StatusConflict, "register number %s is the customer %s already", c.RegisterNumber, number)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return answer{}, err
	}
	err = c.scan(tx.QueryRow(`insert into customers (name, register_number, country, email, signatory, monthly_cents)
		values (?, ?, ?, ?, ?, ?) returning `+customerColumns,
		c.Name, c.RegisterNumber, c.Country, c.Email, c.Signatory, int64(math.Round(c.MonthlyVolume*100))))
	if err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusCreated, c), record(tx, "customer added", c.Number, c.Name)
}

// customer finds the one that the path names.
func customer(tx *sql.Tx, r *http.Request) (id int64, c Customer, err error) {
	number := r.PathValue("number")
	err = tx.QueryRow(`select id from customers where number = ?`, number).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, c, refuse(http.StatusNotFound, "there is no customer %s", number)
	}
	if err == nil {
		err = c.scan(tx.QueryRow(`select `+customerColumns+` from customers where id = ?`, id))
	}
	return id, c, err
}

func deleteCustomer(tx *sql.Tx, r *http.Request, _ []byte) (answer, error) {
	id, c, err := customer(tx, r)
	if err != nil {
		return answer{}, err
	}
	var letters int
	if err := tx.QueryRow(`select count(*) from letters where customer = ?`, id).Scan(&letters); err != nil {
		return answer{}, err
	}
	if letters > 0 {
		return answer{}, refuse(http.StatusConflict, "%s has letters: delete them first", c.Number)
	}
	if _, err := tx.Exec(`delete from customers where id = ?`, id); err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusNoContent, nil), record(tx, "customer deleted", c.Number, c.Name)
}

func noteCompliance(tx *sql.Tx, r *http.Request, body []byte) (answer, error) {
	id, c, err := customer(tx, r)
	if err != nil {
		return answer{}, err
	}
	if err := decode(body, &c); err != nil {
		return answer{}, err
	}
	if _, err := tx.Exec(`update customers set verdict = ?, risk = ?, reason = ? where id = ?`, c.Verdict, c.Risk, c.Reason, id); err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusOK, c), record(tx, "compliance noted", c.Number, c.Name)
}

func setStatus(tx *sql.Tx, r *http.Request, body []byte) (answer, error) {
	id, c, err := customer(tx, r)
	if err != nil {
		return answer{}, err
	}
	var to struct{ Status string }
	if err := decode(body, &to); err != nil {
		return answer{}, err
	}
	switch {
	case to.Status != "active" && to.Status != "prospect":
		return answer{}, refuse(http.StatusUnprocessableEntity, "%q is neither active nor prospect", to.Status)
	case to.Status == "active" && c.Verdict == "":
		return answer{}, refuse(http.StatusConflict, "compliance has not said anything about %s yet", c.Number)
	}
	c.Status = to.Status
	if _, err := tx.Exec(`update customers set status = ? where id = ?`, c.Status, id); err != nil {
		return answer{}, err
	}
	return answerOf(http.StatusOK, c), record(tx, "status "+c.Status, c.Number, c.Name)
}
